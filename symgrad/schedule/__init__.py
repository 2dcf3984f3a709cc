"""The schedule: what is computed as one array, in what order, and how contractions are paired."""
