using Rag.App;
using Rag.Ingestion.Parsing;

// The parser's own process: bytes in, text out, nothing else.
if (args is ["parse-worker"]) return await ParseWorker.RunAsync(Console.OpenStandardInput(), Console.OpenStandardOutput());
return await CommandLine.RunAsync(args);
