package io.vquant.kernels.kvcache;

/** The two halves of a head's part of a page: they are stored along different axes. */
public enum KvSide {
  KEYS,
  VALUES
}
