"""One engine of checks on a running appliance: for `mailloft doctor`, the panel, the metrics and the installation."""
