using System.CommandLine;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Backup;
using Rag.Caching;
using Rag.Compliance;
using Rag.Diagnosis;
using Rag.Evaluation;
using Rag.Foundation.Commands;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Protocols;
using Rag.Retrieval;
using Rag.Runbook;
using Rag.Security;
using Rag.Slo;
using Rag.Slo.Scaling;
using Rag.Storage;

namespace Rag.App;

/// <summary>The commands, as a table of contents; each slice adds its own.</summary>
internal static class CommandLine
{
    private const int WrongUsage = 2;

    public static async Task<int> RunAsync(string[] args)
    {
        var parse = Build().Parse(args);
        if (parse.Errors.Count > 0)
        {
            foreach (var error in parse.Errors) await Console.Error.WriteLineAsync("error: " + error.Message);
            await Console.Error.WriteLineAsync($"       'rag {string.Join(' ', Path(parse).Append("--help"))}' shows how it is used.");
            return WrongUsage;
        }
        // A server ends by its own lifetime; every other command is cancelled and has this long to come to an end.
        return await parse.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = ServeCommands.Serves(parse) ? null : TimeSpan.FromSeconds(30) });
    }

    public static RootCommand Build()
    {
        CommandContext context = null!;
        context = new CommandContext { ConnectAsync = (parse, ct) => ServerConnection.OpenAsync(context, parse, ct) };
        var root = new RootCommand("Answers from your own documents, each sentence with the span it came from.")
        {
            context.Server, context.Key, context.Data, context.Set, context.Json,
        };
        root.AddServe(context);
        root.AddStorage(context);
        root.AddAudit(context);
        root.AddAccess(context);
        root.AddIngestion(context);
        root.AddAnswering(context);
        root.AddMcp(context);
        root.AddRetrieval(context);
        root.AddIndexing(context);
        root.AddCaching(context);
        root.AddEvaluation(context, parse => RagConfiguration.Load(ServerConnection.SettingsOf(context, parse)));
        root.AddMaintenance(context);
        root.AddSlo(context);
        root.AddDiagnosis(context, parse => RagConfiguration.Load(ServerConnection.SettingsOf(context, parse)));
        root.AddIncidents(context);
        root.AddBackup(context);
        root.AddDeploy(context);
        root.AddScale(context);
        root.AddSecurity(context);
        root.AddCompliance(context);
        root.AddRunbook(context);
        root.AddStatus(context);
        root.AddConfig(context);
        return root;
    }

    private static IEnumerable<string> Path(ParseResult parse)
    {
        var names = new Stack<string>();
        for (var command = parse.CommandResult; command is not null; command = command.Parent as System.CommandLine.Parsing.CommandResult)
            if (command.Command is not RootCommand) names.Push(command.Command.Name);
        return names;
    }
}
