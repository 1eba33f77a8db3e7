using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Answering;
using Rag.Caching;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Telemetry;

namespace Rag.Slo.Export.Dashboards;

/// <summary>What the instruments of this product and of its runtime say of themselves.</summary>
internal static class Instruments
{
    private const string Runtime = "System.Runtime";

    /// <summary>Everything that makes instruments; a service makes them when it is first asked for.</summary>
    private static readonly (string Meter, Type Maker)[] Makers =
    [
        (HttpMetrics.MeterName, typeof(HttpMetrics)), (StateMetrics.MeterName, typeof(StateMetrics)), (ProcessMetrics.MeterName, typeof(ProcessMetrics)),
        (Probe.MeterName, typeof(Probe)), (SecurityMetrics.MeterName, typeof(SecurityMetrics)), (CacheMetrics.MeterName, typeof(CacheMetrics)),
        (IngestionMetrics.MeterName, typeof(IngestionMetrics)), (RetrievalMetrics.MeterName, typeof(RetrievalMetrics)), (AnsweringMetrics.MeterName, typeof(AnsweringMetrics)),
    ];

    /// <returns>Name as <c>/metrics</c> has it, histograms without a suffix, to description.</returns>
    public static IReadOnlyDictionary<string, string> Describe(IServiceProvider services)
    {
        foreach (var (_, maker) in Makers) services.GetRequiredService(maker);
        var descriptions = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name != Runtime && Makers.All(m => m.Meter != instrument.Meter.Name)) return;
            lock (descriptions) descriptions[PrometheusName(instrument)] = instrument.Description ?? "";
        };
        // Tells of every instrument that there is already.
        listener.Start();
        return descriptions;
    }

    /// <summary>As the exporter for Prometheus names it (OpenTelemetry specification, compatibility with Prometheus): words joined by _, then the unit, then <c>_total</c> for what only grows.</summary>
    private static string PrometheusName(Instrument instrument)
    {
        string name = instrument.Name.Replace('.', '_');
        string unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        var kind = instrument.GetType().GetGenericTypeDefinition();
        return kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>) ? name + "_total" : name;
    }
}
