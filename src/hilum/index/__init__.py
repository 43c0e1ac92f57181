"""From files to series: headers read, series put together, checks made, what cannot be read refused."""
