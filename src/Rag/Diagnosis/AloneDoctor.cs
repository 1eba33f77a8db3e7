using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Rag.Caching;
using Rag.Foundation;
using Rag.Inference;
using Rag.Inference.Generation;
using Rag.Storage;
using Rag.Storage.Postgres;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>
/// Diagnoses a configuration where no server runs, or none can be started with it. It takes no lock on the data directory and
/// starts nothing; what only a running server knows is said to be unknown.
/// </summary>
internal static class AloneDoctor
{
    private static readonly string[] NeedServer = [Areas.Cpu, Areas.Memory, Areas.Index];

    public static async Task<DoctorReport> LookAsync(IConfiguration configuration, DoctorRequest request, CancellationToken ct)
    {
        var findings = new List<Finding>(Mistakes(configuration));
        var sections = new ConfigurationSections(configuration);
        var storage = sections.Bind<StorageOptions>();
        var caching = sections.Bind<CachingOptions>();
        var generation = sections.Bind<GenerationOptions>();
        var time = TimeProvider.System;
        bool postgres = storage.Provider == "postgres";
        var diagnoses = new List<IDiagnosis>
        {
            postgres ? new PostgresDiagnosis(storage, pool: null) : new SqliteDiagnosis(storage),
            new CacheDiagnosis(caching, time, metrics: null, connection: null, history: null),
            new DiskDiagnosis(storage),
            new CertificateDiagnosis(storage, caching, sections.Bind<TelemetryOptions>(), sections.Bind<InferenceOptions>(), generation, sections.Bind<DiagnosisOptions>(), time, []),
        };
        // A section with mistakes in it names no model to ask.
        using var model = new LanguageModel(generation.Validate().Any() ? new() : generation, time, NullLogger<LanguageModel>.Instance);
        diagnoses.Add(new ModelDiagnosis(model, generation));
        await using var database = postgres && !storage.Postgres.Validate().Any() ? new PostgresDatabase(storage, time) : null;
        if (database is not null) diagnoses.Add(new ClockDiagnosis(database, time, replicas: null));
        var report = await new Doctor(diagnoses, NullLogger<Doctor>.Instance).LookAsync(request, ct);
        findings.AddRange(report.Findings);
        findings.AddRange(request.Areas.Where(NeedServer.Contains).Select(a =>
            new Finding(a, Severity.Notice, $"{a}.no_server", "No server was asked.", "neither --server nor a server on this data directory", "Only a running server knows this of itself.", $"rag doctor {a} --server http://127.0.0.1:8080")));
        return DoctorReport.Of(request.Areas, findings);
    }

    /// <summary>Every mistake in the configuration as a finding, but those that the diagnosis of the database names itself.</summary>
    private static IEnumerable<Finding> Mistakes(IConfiguration configuration)
    {
        try
        {
            new ServiceCollection().AddRag(configuration);
            return [];
        }
        catch (ConfigurationException e)
        {
            return e.Errors.Where(m => !m.Key.StartsWith("Storage:Postgres:ConnectionString", StringComparison.OrdinalIgnoreCase)).Select(m =>
                new Finding(Areas.Configuration, Severity.Critical, "configuration.mistake", $"{m.Key} {m.Problem}.", m.Remedy, "A server with this configuration does not start.", "rag config check")).ToList();
        }
    }
}
