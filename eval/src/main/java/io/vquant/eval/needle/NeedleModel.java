package io.vquant.eval.needle;

/** A model as the needle test sees it. */
public interface NeedleModel {

  /** Tokens of a text, without special tokens. */
  int[] encode(String text);

  /** Tokens that begin every prompt: the model's beginning-of-text token, where it uses one. */
  int[] beginning();

  /** Continues a prompt greedily. */
  String answer(int[] promptIds, int maxTokens);
}
