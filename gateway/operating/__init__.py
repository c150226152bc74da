"""The gateway's pages: report and figures for everybody, searches and trace for its operator."""
