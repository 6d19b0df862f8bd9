"""The installation step that joins the panel's ES modules into `wasmnb/view/panel/panel.js`.

It isn't part of the package, because it needs a JavaScript parser, which users don't. The modules themselves are in
`wasmnb/view/panel/js`.
"""
