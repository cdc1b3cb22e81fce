"""Search, prediction and explanation over HTTP, and the web page that uses them."""
