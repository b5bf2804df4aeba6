package io.vquant.tokenizer;

import java.util.Arrays;

/** Where in a JSON text the names and values of one object begin: indices of bytes. */
final class MemberPlaces {
  private int[] places = new int[1 << 12];
  private int size;

  void add(int name, int value) {
    if (size == places.length) {
      places = Arrays.copyOf(places, 2 * size);
    }
    places[size++] = name;
    places[size++] = value;
  }

  int count() {
    return size / 2;
  }

  int name(int member) {
    return places[2 * member];
  }

  int value(int member) {
    return places[2 * member + 1];
  }
}
