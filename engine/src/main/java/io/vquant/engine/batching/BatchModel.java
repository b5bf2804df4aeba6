package io.vquant.engine.batching;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.model.CausalLm;
import io.vquant.tokenizer.Tokenizer;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/**
 * The model that sequences run on.
 *
 * @param backend that the network is on
 * @param causalLm the network
 * @param deviceLock held while it computes: its buffers are shared by all users of the engine
 * @param emptyCache stays empty; caches of sequences are forks of it, so all share one memory
 * @param sharesPages whether prefill of a prompt gives the same bits when its first pages were
 *     computed for another one
 * @param tokenizer null: there is no text
 * @param eosTokenIds tokens that end an answer
 * @param contextLength most tokens of prompt and answer
 */
public record BatchModel(
    KernelBackend backend,
    CausalLm causalLm,
    Lock deviceLock,
    KvCache emptyCache,
    boolean sharesPages,
    @Nullable Tokenizer tokenizer,
    Set<Integer> eosTokenIds,
    int contextLength) {

  int vocabSize() {
    return causalLm.config().vocabSize();
  }

  boolean isEos(int token) {
    return eosTokenIds.contains(token);
  }
}
