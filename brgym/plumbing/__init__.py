"""What commands and studies share and what knows nothing of them: result files, pictures, the terminal."""
