"""``util.LifecycleService`` and its parts: the only room that knows both workers and tables."""
