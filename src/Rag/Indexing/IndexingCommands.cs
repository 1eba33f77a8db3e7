using System.CommandLine;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Indexing;

internal static class IndexingCommands
{
    public static void AddIndexing(this RootCommand root, CommandContext context)
    {
        var status = new Command("status", "How far the index is.");
        context.Bind(status, async (parse, api, ct) =>
        {
            var result = await api.GetAsync("/admin/v1/index", IndexingJson.Default.IndexStatus, ct);
            if (!context.TryJson(parse, result, IndexingJson.Default.IndexStatus)) Print(context.Out, result);
            return 0;
        });
        var verify = new Command("verify", "Compare the index with the record.");
        context.Bind(verify, async (parse, api, ct) =>
        {
            var report = await api.PostAsync("/admin/v1/index/verify", IndexingJson.Default.IndexVerificationReport, ct);
            if (context.TryJson(parse, report, IndexingJson.Default.IndexVerificationReport)) return report.Clean ? 0 : 1;
            foreach (var c in report.Collections)
            {
                context.Out.MarkupLineInterpolated($"{(c.Problems.Count == 0 ? "clean" : "DIFFERS")}  {c.Collection}: {c.IndexChunks} of {c.RecordChunks} chunks, {c.IndexVectors} of {c.RecordVectors} vectors, position {c.Position}");
                foreach (string problem in c.Problems) context.Out.MarkupLineInterpolated($"  [red]{problem}[/]");
            }
            if (!report.Clean) context.Out.WriteLine("Run 'rag index rebuild' to build it anew from the record.");
            return report.Clean ? 0 : 1;
        });
        var collection = new Option<string?>("--collection") { Description = "Only this one (default: all)." };
        var rebuild = new Command("rebuild", "Build the index anew from the record; questions go on meanwhile.") { collection };
        context.Bind(rebuild, async (parse, api, ct) =>
        {
            string query = parse.GetValue(collection) is { } name ? "?collection=" + Uri.EscapeDataString(name) : "";
            var result = await context.Remarks.Status().StartAsync("Building the index…", _ => api.PostAsync("/admin/v1/index/rebuild" + query, IndexingJson.Default.IndexStatus, ct));
            if (!context.TryJson(parse, result, IndexingJson.Default.IndexStatus)) Print(context.Out, result);
            return 0;
        });
        root.Add(new Command("index", "The search index of this replica.") { status, verify, rebuild });
    }

    public static void Print(IAnsiConsole console, IndexStatus status)
    {
        console.MarkupLineInterpolated($"index      position {status.Position} of {status.ChangeLogPosition}{(status.Ready ? "" : ", being opened")}, {status.SizeBytes / 1e6:F1} MB");
        if (status.Model is { } model) console.MarkupLineInterpolated($"model      {model}");
        else console.MarkupLineInterpolated($"model      [yellow]none: search is by words only. {status.ModelProblem}[/]");
        if (status.Trouble is { } trouble) console.MarkupLineInterpolated($"[red]trouble    {trouble}[/]");
        var table = new Table().Border(TableBorder.Simple).AddColumn("Collection").AddColumn("Language")
            .AddColumn(new TableColumn("Chunks").RightAligned()).AddColumn(new TableColumn("With vectors").RightAligned()).AddColumn(new TableColumn("To embed").RightAligned());
        foreach (var c in status.Collections) table.AddRow(c.Collection, c.Language, $"{c.Chunks:N0}", $"{c.EmbeddedChunks:N0}", $"{c.PendingChunks:N0}");
        console.Write(table);
    }
}
