"""Serve functions over HTTP: a JSON API, the routes of Faasm's tools, metrics, a status page."""
