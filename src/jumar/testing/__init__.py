"""Public fakes, and the exam of every protocol: subclass a suite and supply its fixture."""
