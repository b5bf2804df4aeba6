package io.vquant.kernels.quant;

/** The elements of a group, and what does not depend on codes: count, range, sum. */
final class GroupElements {

  private final float[] elements;
  private final long excluded;
  private final int count;
  private final float low;
  private final float high;
  private final float sum;

  GroupElements(float[] elements, long excluded) {
    this.elements = elements;
    this.excluded = excluded;
    int included = 0;
    float least = Float.POSITIVE_INFINITY;
    float greatest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < elements.length; i++) {
      if (includes(i)) {
        least = Math.min(least, elements[i]);
        greatest = Math.max(greatest, elements[i]);
        included++;
      }
    }
    count = included;
    // -0 + 0 is +0: the order in which zeros were compared leaves no trace.
    low = least + 0f;
    high = greatest + 0f;
    LaneSum aboveLow = new LaneSum();
    for (int i = 0; i < elements.length; i++) {
      if (includes(i)) {
        aboveLow.add(i, elements[i] - low);
      }
    }
    sum = aboveLow.total();
  }

  int length() {
    return elements.length;
  }

  float get(int index) {
    return elements[index];
  }

  boolean includes(int index) {
    return index >= Long.SIZE || ((excluded >>> index) & 1) == 0;
  }

  /** Elements that are included. */
  int count() {
    return count;
  }

  /** The least included element. */
  float low() {
    return low;
  }

  /** The greatest included element. */
  float high() {
    return high;
  }

  /** The sum of {@code element - low}. */
  float sum() {
    return sum;
  }
}
