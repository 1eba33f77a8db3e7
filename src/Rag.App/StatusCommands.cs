using System.CommandLine;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;
using Rag.Access;
using Rag.Caching;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Slo;
using Rag.Storage;
using Rag.Telemetry;
using Spectre.Console;

namespace Rag.App;

/// <param name="Requests">Look-ups since the process started.</param>
public sealed record CacheLayerStatus(string Layer, long Requests, long Hits);

/// <summary>Where the service stands. While the record is away, what only the record knows is left out.</summary>
/// <param name="IndexLagSeconds">Age of the oldest change that this replica's index lacks; 0 where it lacks none.</param>
public sealed record SystemStatus(
    string Version, string Storage, long? RecordBytes, long? Documents, double UptimeSeconds, long IndexPosition, double IndexLagSeconds, IndexStatus? Index,
    IReadOnlyList<CacheLayerStatus> Cache, IReadOnlyList<DependencyStatus> Dependencies, IReadOnlyList<ReplicaInfo>? Replicas, IReadOnlyList<ObjectiveStatus>? Objectives,
    IReadOnlyList<IncidentSummary>? Incidents);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SystemStatus))]
[JsonSerializable(typeof(ProblemDetails))]
[JsonSerializable(typeof(IReadOnlyList<ConfigurationValue>))]
internal sealed partial class StatusJson : JsonSerializerContext;

/// <summary><c>rag status</c>: where the service stands, on one screen.</summary>
internal static class StatusCommands
{
    public static IEndpointRouteBuilder MapStatus(this IEndpointRouteBuilder routes)
    {
        long started = TimeProvider.System.GetTimestamp();
        routes.MapGet("/admin/v1/status", async (
            IIndexer indexer, ChangeLogWatch changeLog, Database database, RecordState record, Dependencies dependencies, CacheMetrics cache, TimeProvider time, IServiceProvider services, CancellationToken ct) =>
        {
            var status = new SystemStatus(
                typeof(StatusCommands).Assembly.GetName().Version!.ToString(3), database.Provider, null, null, Math.Round(time.GetElapsedTime(started).TotalSeconds, 1),
                indexer.Position, Math.Round(changeLog.LagSeconds(indexer.Position), 1), null,
                CacheLayer.All.Select(l => new CacheLayerStatus(l, cache.Of(l).Requests, cache.Of(l).Hits)).ToList(), dependencies.List(), null, null,
                // Known without the record, too.
                (await services.GetRequiredService<IncidentDesk>().ListAsync(all: false, IncidentDesk.MaxList, ct)).Select(services.GetRequiredService<IncidentViews>().Summary).ToList());
            return record.Away ? status : await WithRecordAsync(status, services, ct);
        }).Needs(Role.Operator).WithTags("Operate").WithSummary("Where the service stands");
        return routes;
    }

    private static async Task<SystemStatus> WithRecordAsync(SystemStatus status, IServiceProvider services, CancellationToken ct)
    {
        try
        {
            return status with
            {
                RecordBytes = await services.GetRequiredService<Database>().SizeBytesAsync(ct),
                Documents = (await services.GetRequiredService<DocumentRecord>().CountAsync(null, ct)).Documents,
                Index = await services.GetRequiredService<IndexVerifier>().StatusAsync(services.GetRequiredService<Embedder>(), ct),
                Replicas = await services.GetRequiredService<Replicas>().ListAsync(ct),
                Objectives = (await services.GetRequiredService<SloReport>().StatusAsync(ct)).Objectives,
            };
        }
        catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable } or System.Data.Common.DbException)
        {
            // It went away this moment.
            return status;
        }
    }

    public static void AddStatus(this RootCommand root, CommandContext context)
    {
        var status = new Command("status", "One screen: index, model, cache, record.");
        context.Bind(status, async (parse, api, ct) =>
        {
            var s = await api.GetAsync("/admin/v1/status", StatusJson.Default.SystemStatus, ct);
            if (context.TryJson(parse, s, StatusJson.Default.SystemStatus)) return 0;
            context.Out.MarkupLineInterpolated($"rag-system {s.Version}, up {TimeSpan.FromSeconds(s.UptimeSeconds):d\\.hh\\:mm\\:ss}");
            if (s.Documents is { } documents) context.Out.MarkupLineInterpolated($"record     {s.Storage}, {documents:N0} documents, {s.RecordBytes / 1e6:F1} MB");
            foreach (var d in s.Dependencies) context.Out.MarkupLineInterpolated($"{d.Name,-10} {(d.Up ? "up" : "DOWN")}: {d.Means}");
            foreach (var r in s.Replicas ?? [])
                context.Out.MarkupLineInterpolated($"replica    {r.Name}{(r.Leads ? ", leads" : "")}: {(r.Up ? "up" : "GONE")} since {(r.Up ? r.StartedAt : r.SeenAt):yyyy-MM-dd HH:mm}, position {r.IndexPosition}, CPU {100 * r.CpuShare:F0} %, memory {100 * r.MemoryShare:F0} %");
            foreach (var o in s.Objectives ?? [])
                context.Out.MarkupLineInterpolated($"objective  {o.Title} {o.Promise}: {(o.Attained is { } a ? $"{SloReport.Percent(a, o.Target)}, {100 * o.BudgetLeft:F0} % of the budget left" : "no events yet")}");
            foreach (var incident in s.Incidents ?? []) IncidentsCommands.Print(context.Out, incident);
            foreach (var layer in s.Cache)
                context.Out.MarkupLineInterpolated($"cache      {layer.Layer}: {layer.Hits:N0} of {layer.Requests:N0} look-ups{(layer.Requests > 0 ? $" ({100.0 * layer.Hits / layer.Requests:F0} %)" : "")}");
            if (s.Index is { } index) IndexingCommands.Print(context.Out, index);
            else context.Out.MarkupLineInterpolated($"index      position {s.IndexPosition}");
            return 0;
        });
        root.Add(status);
    }

    public static void AddConfig(this RootCommand root, CommandContext context)
    {
        var check = new Command("check", "Say whether the configuration is right, every mistake at once.");
        context.BindAlone(check, (parse, ct) =>
        {
            Effective(context, parse);
            context.Out.MarkupLine("[green]The configuration is right.[/]");
            return Task.FromResult(0);
        });
        var show = new Command("show", "Every key with its value and where it comes from; secrets are not shown.");
        context.BindAlone(show, (parse, ct) =>
        {
            var values = Effective(context, parse);
            if (context.TryJson(parse, values, StatusJson.Default.IReadOnlyListConfigurationValue)) return Task.FromResult(0);
            var table = new Table().Border(TableBorder.Simple).AddColumn("Key").AddColumn("Value").AddColumn("From");
            foreach (var v in values) table.AddRow(Markup.Escape(v.Key), Markup.Escape(Settings.Text(v.Value, v.Unit)), v.From);
            context.Out.Write(table);
            return Task.FromResult(0);
        });
        root.Add(new Command("config", "Look at the configuration.") { check, show });
    }

    private static IReadOnlyList<ConfigurationValue> Effective(CommandContext context, ParseResult parse)
    {
        var configuration = RagConfiguration.Load(ServerConnection.SettingsOf(context, parse));
        var services = new ServiceCollection().AddRag(configuration);
        return Settings.Of((ConfigurationSections)services.Single(s => s.ServiceType == typeof(ConfigurationSections)).ImplementationInstance!);
    }
}
