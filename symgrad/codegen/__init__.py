"""The text that targets share.

Files: expressions as text (`speller`), lines that know their statement (`lines`), what functions take (`signature`,
`arguments`) and return (`types`), sizes as text (`sizes`), hand-written functions with what they need (`runtime`), rows
of data that the loss is summed over (`rows`), functions with rows in parts (`parts`) and for chunks of rows (`chunks`),
the Jinja environment (`environment`) and its folder (`template_folder`).
"""
