// The SDK notes a stack for each promise, a frame at a time: with the usual ten frames that is a fifth of what a workflow
// costs. The innermost five tell where it waits, and where it failed.
Error.stackTraceLimit = 5
