if (args is ["parse-worker"]) return await Rag.Ingestion.Parsing.ParseWorker.RunAsync(Console.OpenStandardInput(), Console.OpenStandardOutput());
return 0;
