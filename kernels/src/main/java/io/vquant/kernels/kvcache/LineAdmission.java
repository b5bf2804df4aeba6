package io.vquant.kernels.kvcache;

import java.util.Arrays;

/**
 * Chooses which tokens are lines when pages leave the hot tiles: moves them into the slab and marks
 * them, and unmarks those that have to make room.
 */
final class LineAdmission {
  private final KvLayerPolicy policy;
  private final Slab slab;
  private final LineMasks masks;
  private final LineScores scores;
  private final HotTiles hot;
  private final LineSelection selection = new LineSelection();

  /**
   * Keys packed channel by channel leave their lines out of the range, which their codes cannot
   * reach: such a line stays one.
   */
  private final boolean linesStay;

  LineAdmission(KvLayerPolicy policy, Slab slab, LineMasks masks, LineScores scores, HotTiles hot) {
    this.policy = policy;
    this.slab = slab;
    this.masks = masks;
    this.scores = scores;
    this.hot = hot;
    linesStay = policy.format().keys() instanceof GroupEncoding keys && keys.isPerChannel();
  }

  /**
   * Chooses a head's lines among the slab and hot positions.
   *
   * @param start the first hot position
   * @param end after the last position that leaves
   * @param length tokens of the layer
   */
  void choose(int head, int start, int end, int length) {
    int pinned = 0;
    for (int r = 0; r < slab.count(head); r++) {
      if (linesStay || slab.position(head, r) < policy.sinks()) {
        pinned++;
      }
    }
    for (int position = start; position < Math.min(end, policy.sinks()); position++) {
      admit(head, position, start);
      pinned++;
    }
    selection.start(Math.max(0, policy.slabRows(length) - pinned));
    for (int r = 0; r < slab.count(head); r++) {
      if (!linesStay && slab.position(head, r) >= policy.sinks()) {
        selection.offerLine(slab.position(head, r), slab.score(head, r));
      }
    }
    for (int position = Math.max(start, policy.sinks()); position < end; position++) {
      selection.offerToken(position, scores.hotScore(head, position - start));
    }
    int[] chosen = selection.chosen();
    if (!linesStay) {
      demoteOthers(head, chosen);
    }
    for (int position : chosen) {
      if (position >= start) {
        admit(head, position, start);
      }
    }
  }

  private void demoteOthers(int head, int[] chosen) {
    for (int r = slab.count(head) - 1; r >= 0; r--) {
      int position = slab.position(head, r);
      if (position >= policy.sinks() && Arrays.binarySearch(chosen, position) < 0) {
        masks.clear(head, position);
        slab.remove(head, r);
      }
    }
  }

  private void admit(int head, int position, int start) {
    int slot = position - start;
    float score = scores.hotScore(head, slot);
    slab.add(head, position, score, hot.tileOf(slot), slot % PageLayout.TOKENS);
    masks.set(head, position);
  }
}
