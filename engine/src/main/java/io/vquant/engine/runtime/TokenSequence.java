package io.vquant.engine.runtime;

import io.vquant.engine.sampling.TokenHistory;
import java.util.Arrays;

/** The tokens of one conversation, from position 0. */
public final class TokenSequence implements TokenHistory {
  private int[] tokenIds = new int[256];
  private int length;

  @Override
  public int length() {
    return length;
  }

  @Override
  public int tokenId(int position) {
    if (position >= length) {
      throw new IndexOutOfBoundsException("position " + position + " of " + length);
    }
    return tokenIds[position];
  }

  /** All tokens. */
  public int[] toArray() {
    return Arrays.copyOf(tokenIds, length);
  }

  /** The tokens from a position on. */
  public int[] from(int position) {
    return Arrays.copyOfRange(tokenIds, position, length);
  }

  /** The array behind the sequence: read only, and valid until the next change. */
  public int[] backingArray() {
    return tokenIds;
  }

  /** Appends a token. */
  public void add(int tokenId) {
    if (length == tokenIds.length) {
      tokenIds = Arrays.copyOf(tokenIds, 2 * length);
    }
    tokenIds[length++] = tokenId;
  }

  /** Takes these tokens in place of all there are. */
  public void replaceBy(int[] newTokenIds) {
    if (newTokenIds.length > tokenIds.length) {
      tokenIds = new int[newTokenIds.length];
    }
    System.arraycopy(newTokenIds, 0, tokenIds, 0, newTokenIds.length);
    length = newTokenIds.length;
  }

  /** Number of equal tokens at the beginning of both. */
  int commonPrefix(int[] other) {
    int mismatch = Arrays.mismatch(tokenIds, 0, length, other, 0, other.length);
    return mismatch < 0 ? length : mismatch;
  }
}
