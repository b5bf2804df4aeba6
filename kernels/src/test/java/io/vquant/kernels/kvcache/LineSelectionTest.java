package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LineSelectionTest {

  private record Offer(int position, float score) {}

  @Test
  void theBestOfManyAreChosen() {
    LineSelection selection = new LineSelection();
    for (long seed = 0; seed < 500; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int capacity = random.nextInt(40);
      List<Offer> offers = new ArrayList<>();
      selection.start(capacity);
      int lines = random.nextInt(30);
      for (int position = 0; position < lines + random.nextInt(300); position++) {
        float score = random.nextInt(12) / 8f; // many are equal, some are 0
        if (position < lines) {
          selection.offerLine(position, score);
          offers.add(new Offer(position, score * LineSelection.STAY));
        } else {
          selection.offerToken(position, score);
          if (score > 0) {
            offers.add(new Offer(position, score));
          }
        }
      }
      offers.sort(
          Comparator.comparingDouble((Offer o) -> -o.score).thenComparingInt(Offer::position));
      assertThat(selection.chosen())
          .as("seed %d", seed)
          .containsExactly(
              offers.stream().limit(capacity).mapToInt(Offer::position).sorted().toArray());
    }
  }
}
