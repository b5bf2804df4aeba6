package io.vquant.kernels.kvcache;

/** What one scale and zero are shared by. */
public enum GroupAxis {

  /** Neighbouring channels of one token: a token never touches its neighbours' scales. */
  PER_TOKEN,

  /** The 64 tokens of a page, of one channel (KIVI, arXiv 2402.02750): for keys at 2 bits. */
  PER_CHANNEL
}
