"""The dashboard: a study as pages in a browser, by NiceGUI, on this machine's loopback unless asked."""
