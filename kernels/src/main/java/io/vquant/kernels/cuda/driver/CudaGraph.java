package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;

/** Recorded work that is launched as one. */
public final class CudaGraph implements AutoCloseable {
  private final CUgraphExec executable = new CUgraphExec();

  CudaGraph(CUgraph graph) {
    int result = JCudaDriver.cuGraphInstantiate(executable, graph, 0);
    JCudaDriver.cuGraphDestroy(graph);
    check("cuGraphInstantiateWithFlags", result);
  }

  /** Enqueues all of it. */
  public void launch(CudaStream stream) {
    check("cuGraphLaunch", JCudaDriver.cuGraphLaunch(executable, stream.handle()));
  }

  @Override
  public void close() {
    check("cuGraphExecDestroy", JCudaDriver.cuGraphExecDestroy(executable));
  }
}
