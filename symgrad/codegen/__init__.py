"""The text that targets share.

Files: expressions as text (`speller`), what functions take (`signature`, `arguments`) and return (`types`), sizes as
text (`sizes`), the Jinja environment (`environment`).
"""
