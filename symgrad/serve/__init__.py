"""The page of `symgrad serve`: a formula is typed, and its derivative, steps, graph and code are shown.

Files: what the page asks and is told, from one dictionary to another and without a server (`asked`, `answers`), the
examples it offers (`gallery`), the page itself (`document`), where its answers come from (`home`); the processes that
compute answers and are ended when they take too long (`workers`), and the server, of this machine only (`server`); the
page in a folder for any host, with Python in the browser (`static`), and what that Python is given (`bundle`).
"""
