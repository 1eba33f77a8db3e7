using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Backup;
using Rag.Caching;
using Rag.Compliance;
using Rag.Diagnosis;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Protocols;
using Rag.Retrieval;
using Rag.Runbook;
using Rag.Security;
using Rag.Slo;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag;

/// <summary>The product's capabilities, in the order in which they build on each other.</summary>
public static class RagModules
{
    /// <summary>Registers every slice. All mistakes in the configuration are thrown together, before anything runs.</summary>
    public static IServiceCollection AddRag(this IServiceCollection services, IConfiguration configuration)
    {
        var sections = new ConfigurationSections(configuration);
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSection<ServerOptions>(sections);
        services.AddSingleton<Draining>();
        services
            .AddStorage(sections)
            .AddAudit(sections)
            .AddAccess(sections)
            .AddMaintenance(sections)
            .AddCaching(sections)
            .AddInference(sections)
            .AddIngestion(sections)
            .AddIndexing(sections)
            .AddRetrieval(sections)
            .AddAnswering(sections)
            .AddProtocols()
            .AddTelemetry(sections)
            .AddSlo(sections)
            .AddDiagnosis(sections)
            .AddIncidents(sections)
            .AddBackup(sections)
            .AddSecurity(sections)
            .AddCompliance(sections)
            .AddRunbook(sections);
        services.AddSingleton(sections);
        sections.ThrowIfWrong();
        return services;
    }
}
