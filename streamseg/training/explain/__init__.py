"""Why a package gives a pixel its class; no torch."""
