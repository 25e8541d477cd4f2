"""The HTTP side: health, metrics, the page, its WebSocket, and who may see them."""
