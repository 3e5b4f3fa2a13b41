"""Questions and answers on chest radiographs: an image-to-text model and its data."""
