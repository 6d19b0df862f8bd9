"""The context tree, its counts and its folds."""

from wasmnb.view import tree_html, tree_text


def test_counts_are_envoys_not_the_folklores(samples):
    head = tree_text(samples.proxy_tree(workers=4)).splitlines()[2]
    assert head.startswith("7 VMs (1 base, 1 canary, 5 serving) · 6 plugin contexts (1 of them the canary's)")


def test_base_and_canary_are_there_but_folded(samples):
    html = tree_html(samples.proxy_tree())
    assert html.count("<details>") == 1  # the canary; the base VM has nothing inside to fold
    text = tree_text(samples.proxy_tree())
    assert "▸ vm canary" in text
    assert "base" in text


def test_streams_say_their_state(samples):
    assert "stream context 3 paused" in tree_text(samples.proxy_tree(streams=2))


def test_hundreds_of_streams_are_cut_and_counted(samples):
    text = tree_text(samples.proxy_tree(workers=1, streams=500))
    assert "… and 488 more streams" in text
    assert len(text.splitlines()) < 40


def test_memory_reads_as_a_size(samples):
    assert "memory 14.0 MB" in tree_text(samples.proxy_tree())
