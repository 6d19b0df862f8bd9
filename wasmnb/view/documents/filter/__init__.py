"""Documents about a filter: its module, profile, export and forecast.

Documents about a running proxy are in `wasmnb.view.documents.proxy`, and documents about its exchanges in
`wasmnb.view.documents.traffic`.
"""
