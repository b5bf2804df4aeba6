package io.vquant.engine.sampling;

/** The tokens before the one to choose, prompt included; a view, valid during one step. */
public interface TokenHistory {

  /** Number of tokens. */
  int length();

  /** The token at a position, from 0 to {@code length() - 1}. */
  int tokenId(int position);
}
