using System.Diagnostics.Metrics;
using System.Globalization;

namespace Rag.Telemetry;

/// <summary>What this process uses of what it may use.</summary>
/// <param name="CpuSeconds">Processor time since the start.</param>
internal readonly record struct ProcessUse(double CpuSeconds, int CpuCores, long MemoryBytes, long MemoryLimitBytes);

/// <summary>Processor and memory of this process beside their limits: a container's, or the machine's where there is none.</summary>
internal sealed class ProcessMetrics
{
    public const string MeterName = "Rag.Process";

    private const string ControlGroupLimit = "/sys/fs/cgroup/memory.max";

    private static readonly long MemoryLimitBytes = ReadMemoryLimit();

    public ProcessMetrics(IMeterFactory meters, TimeProvider time)
    {
        var meter = meters.Create(MeterName);
        double startedAt = time.GetUtcNow().ToUnixTimeMilliseconds() / 1e3;
        meter.CreateObservableCounter("process_cpu_seconds", () => Now.CpuSeconds, description: "Processor time that this process has used.");
        meter.CreateObservableGauge("rag_cpu_limit_cores", () => Now.CpuCores, description: "Processor cores that this process may use.");
        meter.CreateObservableGauge("process_resident_memory_bytes", () => Now.MemoryBytes, description: "Memory of this process in RAM.");
        meter.CreateObservableGauge("rag_memory_limit_bytes", () => Now.MemoryLimitBytes, description: "Memory that this process may use.");
        meter.CreateObservableGauge("process_start_time_seconds", () => startedAt, description: "When this process started, seconds since 1970.");
    }

    public static ProcessUse Now => new(Environment.CpuUsage.TotalTime.TotalSeconds, Environment.ProcessorCount, Environment.WorkingSet, MemoryLimitBytes);

    private static long ReadMemoryLimit()
    {
        long machine = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        try
        {
            // The collector's own figure leaves a quarter of a container's limit out.
            if (File.Exists(ControlGroupLimit) && long.TryParse(File.ReadAllText(ControlGroupLimit), CultureInfo.InvariantCulture, out long limit)) return limit;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then the machine is the limit.
        }
        return machine;
    }
}
