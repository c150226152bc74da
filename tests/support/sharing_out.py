"""Which tests go to one worker together: with `-n auto --dist loadscope`, a browser's file."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/browser/"


class ByNetwork(LoadScopeScheduling):
    """A file whose tests share a network and a browser is one worker's, so that both start once;
    the largest go first. All other tests are handed out one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid
