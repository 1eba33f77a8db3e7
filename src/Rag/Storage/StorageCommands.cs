using System.CommandLine;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Storage;

internal static class StorageCommands
{
    public static void AddStorage(this RootCommand root, CommandContext context)
    {
        var check = new Command("check", "Version, latency, pool, size, bloat, replication, long transactions; what is wrong and what to do.");
        context.Bind(check, async (parse, api, ct) =>
        {
            var report = await api.GetAsync("/admin/v1/database", StorageJson.Default.DatabaseReport, ct);
            if (!context.TryJson(parse, report, StorageJson.Default.DatabaseReport)) Print(context.Out, report);
            return report.Problems.Count == 0 ? 0 : 1;
        });
        root.Add(new Command("database", "The record's engine.") { check });
    }

    private static void Print(IAnsiConsole console, DatabaseReport r)
    {
        console.MarkupLineInterpolated($"engine       {r.Engine} {r.Version}, {r.SizeBytes / 1e6:F1} MB");
        console.MarkupLineInterpolated($"latency      {r.LatencyMs[r.LatencyMs.Count / 2]:F2} ms in the middle of {r.LatencyMs.Count}, {r.LatencyMs[^1]:F2} ms at most");
        if (r.Pool is { } pool) console.MarkupLineInterpolated($"connections  {pool.Open} of at most {pool.Max} of this replica, {pool.Active} at work; {pool.ServerConnections} of {pool.ServerMax} on the server");
        if (r.Replication is { } replication)
        {
            console.MarkupLineInterpolated($"replication  {replication.Role}{(replication.LagSeconds is { } lag ? $", {lag:F1} s behind" : "")}, {replication.Standbys.Count} standbys");
            foreach (var s in replication.Standbys) console.MarkupLineInterpolated($"             {s.Name}: {s.State}, {s.Sync}, {s.LagBytes:N0} bytes behind");
        }
        if (r.File is { } file) console.MarkupLineInterpolated($"file         {file.WalBytes / 1e6:F1} MB of write-ahead log, {file.FreePages:N0} of {file.Pages:N0} pages free, {(file.Intact ? "intact" : "DAMAGED")}");
        if (r.Tables.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumn("Table").AddColumn(new TableColumn("MB").RightAligned())
                .AddColumn(new TableColumn("Rows").RightAligned()).AddColumn(new TableColumn("Dead rows").RightAligned());
            foreach (var t in r.Tables) table.AddRow(t.Table, $"{t.SizeBytes / 1e6:F1}", $"{t.LiveRows:N0}", $"{t.DeadRows:N0}");
            console.Write(table);
        }
        foreach (var t in r.Transactions) console.MarkupLineInterpolated($"transaction  {t.Application}: {t.State} for {t.AgeSeconds:F0} s{(t.WaitsFor is { } w ? $", waits for {w}" : "")}{(t.BlockedBy > 0 ? $", held up by {t.BlockedBy}" : "")}");
        foreach (var p in r.Problems)
        {
            console.MarkupLineInterpolated($"[red]{p.What}[/]");
            console.MarkupLineInterpolated($"  {p.Remedy}");
        }
        if (r.Problems.Count == 0) console.MarkupLine("[green]Nothing is wrong.[/]");
    }
}
