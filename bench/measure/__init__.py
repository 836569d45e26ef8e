"""What every bench needs: figures of a side, the far ends, pairs of runs, and the line at the end."""
