"""The context tree, its counts and its folds."""

from wasmnb.view import tree_html, tree_text


def test_counts_are_those_of_envoy(samples):
    lines = tree_text(samples.proxy_tree(workers=4)).splitlines()
    assert lines[2] == "7 VMs: 1 base, 1 canary (gone), 1 main, 4 workers"
    assert lines[3] == "6 plugin contexts: 1 canary (gone), 1 main, 4 workers"


def test_base_and_canary_are_folded(samples):
    tree = samples.proxy_tree()
    tree.children[0].children[1].children.append(samples.Node("plugin", "auth"))
    assert tree_html(tree).count("<details>") == 1
    text = tree_text(tree)
    assert "▸ vm VM2 canary" in text
    assert "VM1 base template" in text


def test_streams_show_their_state(samples):
    assert "stream context 3 paused" in tree_text(samples.proxy_tree(streams=2))


def test_hundreds_of_streams_are_cut_and_counted(samples):
    text = tree_text(samples.proxy_tree(workers=1, streams=500))
    assert "… and 488 more streams" in text
    assert len(text.splitlines()) < 40


def test_memory_is_shown_as_a_size(samples):
    assert "memory 14.7 MB" in tree_text(samples.proxy_tree())
