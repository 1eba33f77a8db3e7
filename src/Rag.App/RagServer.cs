using Microsoft.AspNetCore.Server.Kestrel.Core;
using Rag.Access;
using Rag.Answering;
using Rag.App.Pages;
using Rag.Audit;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Caching;
using Rag.Compliance;
using Rag.Diagnosis;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;
using Rag.Protocols;
using Rag.Retrieval;
using Rag.Runbook;
using Rag.Security;
using Rag.Slo;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.App;

/// <summary>The server, built the same way for <c>rag serve</c>, for <c>rag demo</c>, inside a command, and in tests.</summary>
internal static class RagServer
{
    private const int MaxConnections = 20_000;

    /// <param name="settings">Configuration that goes before files and environment.</param>
    /// <param name="ownsProcess">Whether signals to the process end this server; inside a command the command ends it.</param>
    /// <param name="configureKestrel">Where to listen, where the configuration's addresses do not say.</param>
    /// <exception cref="ConfigurationException">Every mistake in the configuration.</exception>
    public static WebApplication Build(
        IEnumerable<KeyValuePair<string, string?>> settings, LogLevel minimumLevel = LogLevel.Information, bool ownsProcess = false, Action<KestrelServerOptions>? configureKestrel = null)
    {
        // A line feed alone ends no line (RFC 9112, 2.2, leaves it to the server); what stands before this one may see it otherwise.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        var configuration = RagConfiguration.Load(settings);
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, WebRootPath = Path.Combine(AppContext.BaseDirectory, "wwwroot") });
        builder.Configuration.AddConfiguration(configuration);
        builder.Logging.ClearProviders();
        if (configuration["Telemetry:LogFormat"] == "json") builder.Logging.AddJsonConsole(console => (console.IncludeScopes, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, "O"));
        else builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Logging.Configure(log => log.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId).SetMinimumLevel(minimumLevel)
            .AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning);
        // Commands print to standard output; what is logged must not get between.
        if (minimumLevel > LogLevel.Information) builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddRag(configuration);
        if (ownsProcess) builder.Services.AddScheduleClock().AddSingleton<IHostLifetime, ServerLifetime>();
        else builder.Services.AddSingleton<IHostLifetime, CommandLifetime>();
        builder.Services.AddOptions<HostOptions>().Configure<ServerOptions>((host, server) => host.ShutdownTimeout = TimeSpan.FromMilliseconds(server.StopTimeoutMs));
        builder.Services.AddSingleton<RecordStart>();
        builder.Services.AddHostedService(s => s.GetRequiredService<RecordStart>());
        builder.Services.AddLoadShedding();
        builder.Services.AddPages();
        // Only a server has it: stores for drills and evaluations have no host.
        builder.Services.AddMcp();
        builder.Services.AddOpenApi("v1", OpenApiText.Configure);
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = System.Text.Json.JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, IngestionJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, AnsweringJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, OpenAiJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, RetrievalJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, IndexingJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, StorageJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, AccessJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, CachingJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, AuditJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, MaintenanceJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ReadOnlyJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, MaintenanceRunJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ScheduleJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, RetentionJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, SloJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, DiagnosisJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, IncidentsJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, BackupJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, OffSiteJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, DrillJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, SecurityJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ComplianceJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, RunbookJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, StatusJson.Default);
        });
        // Addresses that begin with https:// take their certificate from the section Kestrel.
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel((context, kestrel) =>
        {
            kestrel.AddServerHeader = false;
            // Routes that take files say so; every other body is small.
            kestrel.Limits.MaxRequestBodySize = LoadClass.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.MaxRequestHeaderCount = 64;
            kestrel.Limits.MaxRequestHeadersTotalSize = 32_768;
            // A question of the greatest length, percent-encoded, fits the address of its page.
            kestrel.Limits.MaxRequestLineSize = 32_768;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            configureKestrel?.Invoke(kestrel);
        });

        var app = builder.Build();
        app.UseTelemetry();
        app.UseCaller();
        app.UseSecurity();
        app.UseDraining();
        app.UseMaintenance();
        app.UseProxies();
        app.UseSecurityHeaders();
        app.UseProblems();
        app.UseOneLength();
        app.UseHostGuard();
        app.UsePages();
        app.UseInterfacePolicy();
        app.UseAccess();
        app.UseRateLimiter();
        app.UseRecordState();
        // Two slices stand before the one that knows roles.
        app.MapGroup("").Needs(Role.Operator).MapStorage();
        app.MapGroup("").Needs(Role.Auditor).MapAudit();
        app.MapGroup("").Needs(Role.Admin).MapAuditKeeping();
        app.MapAccess();
        app.MapMaintenance();
        app.MapCaching();
        app.MapIngestion();
        app.MapAnswering();
        app.MapProtocols();
        app.MapRetrieval();
        app.MapIndexing();
        app.MapTelemetry();
        app.MapSlo();
        app.MapDiagnosis();
        app.MapIncidents();
        app.MapBackup();
        app.MapSecurity();
        app.MapCompliance();
        app.MapRunbook();
        app.MapStatus();
        app.MapPages();
        app.MapInterface();
        return app;
    }

    /// <summary>Locks the data directory, brings the schema up to date where the record is there, starts listening and indexing.</summary>
    public static async Task StartAsync(WebApplication app, CancellationToken ct)
    {
        app.Services.GetRequiredService<DataDirectory>();
        await app.Services.GetRequiredService<RecordStart>().BringUpAsync(ct);
        await app.StartAsync(ct);
    }
}
