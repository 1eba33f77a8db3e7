using System.Diagnostics.Metrics;
using Rag.Answering;
using Rag.Indexing;
using Rag.Maintenance;
using Rag.Storage.Leadership;

namespace Rag.Telemetry;

/// <summary>Gauges of where this replica stands, read when Prometheus asks.</summary>
internal sealed class StateMetrics
{
    public const string MeterName = "Rag.State";

    public StateMetrics(IMeterFactory meters, IIndexer indexer, IIndexContents index, ChangeLogWatch changeLog, Dependencies dependencies, Leader leader, ProvenanceSpool spool, ReadOnlyMode readOnly, BackupTimes backups)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("rag_index_position", () => indexer.Position, description: "Change-log position that the index reflects.");
        meter.CreateObservableGauge("rag_change_log_position", () => changeLog.Position, description: "Last position of the change log.");
        meter.CreateObservableGauge("rag_index_lag_seconds", () => changeLog.LagSeconds(indexer.Position), description: "Age of the oldest change that is not in the index.");
        meter.CreateObservableGauge("rag_documents", () => changeLog.Documents, description: "Documents in the record.");
        meter.CreateObservableGauge("rag_chunks", () => index.ChunkCount, description: "Chunks in the index.");
        meter.CreateObservableGauge("rag_provenance_spooled", () => spool.Count, description: "Answers whose provenance waits on this replica's disk.");
        meter.CreateObservableCounter("rag_provenance_dropped", () => spool.Dropped, description: "Answers whose provenance was given up because there was no room.");
        meter.CreateObservableGauge("rag_leader", () => leader.Term is null ? 0 : 1, description: "1 where this replica runs the scheduled work.");
        meter.CreateObservableGauge("rag_read_only", () => readOnly.Current is null ? 0 : 1, description: "1 while writes are refused for maintenance.");
        meter.CreateObservableGauge("rag_backup_last_success_timestamp_seconds", () => At(t => t.Made), description: "When the last backup of this kind was made, seconds since 1970; 0 never.");
        meter.CreateObservableGauge("rag_backup_last_verified_timestamp_seconds", () => At(t => t.Proven), description: "When a backup of this kind was last proven, by reading all of it (daily) or by restoring and asking it, seconds since 1970; 0 never.");
        meter.CreateObservableGauge("rag_dependency_up", () => dependencies.List().Select(d => Up(d.Name, d.Up)), description: "1 where the dependency answers.");

        IEnumerable<Measurement<double>> At(Func<(DateTimeOffset Made, DateTimeOffset Proven), DateTimeOffset> which) =>
            backups.Times.Select(t => new Measurement<double>(which(t.Value).ToUnixTimeMilliseconds() / 1e3, new KeyValuePair<string, object?>("kind", t.Key)));
    }

    private static Measurement<int> Up(string dependency, bool up) => new(up ? 1 : 0, new KeyValuePair<string, object?>("dependency", dependency));
}
