using System.Globalization;
using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>A pod as the autoscaler sees it.</summary>
/// <param name="Cores">Processor cores used over the metrics' window; null where nothing was measured yet.</param>
/// <param name="Unready">Whether it starts, and its use is no measure yet.</param>
public readonly record struct PodUse(double? Cores, bool Unready);

/// <summary>
/// The algorithm of Kubernetes' HorizontalPodAutoscaler controller for one metric, as
/// pkg/controller/podautoscaler (horizontal.go and replica_calculator.go) has it: the share in whole per cent, tolerances of each
/// direction, pods that start or are not measured, recommendations kept over the stabilization windows, and policies on how fast.
/// </summary>
public sealed class Autoscaler
{
    /// <summary>How often the controller looks (--horizontal-pod-autoscaler-sync-period).</summary>
    public static readonly TimeSpan Sync = TimeSpan.FromSeconds(15);

    /// <summary>Where the object says nothing (--horizontal-pod-autoscaler-tolerance).</summary>
    private const double DefaultTolerance = 0.1;

    private const int DefaultDownWindowSeconds = 300;

    private readonly V2HorizontalPodAutoscalerSpec _spec;
    private readonly double _coresPerPod, _upTolerance, _downTolerance;
    private readonly TimeSpan _upWindow, _downWindow;
    private readonly List<(DateTimeOffset At, int Replicas)> _recommendations = [];
    private readonly List<(DateTimeOffset At, int Change)> _ups = [], _downs = [];

    /// <param name="coresPerPod">What a pod asks for; shares are of it.</param>
    public Autoscaler(V2HorizontalPodAutoscaler scaler, double coresPerPod)
    {
        (_spec, _coresPerPod) = (scaler.Spec, coresPerPod);
        if (_spec.Metrics.Count != 1) throw new FormatException("One metric is simulated, and the autoscaler has another number.");
        _upTolerance = Tolerance(_spec.Behavior?.ScaleUp);
        _downTolerance = Tolerance(_spec.Behavior?.ScaleDown);
        _upWindow = TimeSpan.FromSeconds(_spec.Behavior?.ScaleUp?.StabilizationWindowSeconds ?? 0);
        _downWindow = TimeSpan.FromSeconds(_spec.Behavior?.ScaleDown?.StabilizationWindowSeconds ?? DefaultDownWindowSeconds);
    }

    /// <summary>What the metric was at the last look, per cent of what was asked for; null before the first.</summary>
    public int? LastPercent { get; private set; }

    /// <summary>One look.</summary>
    /// <param name="current">Replicas that are wanted now.</param>
    /// <param name="external">Value of the external metric, where the autoscaler follows one.</param>
    /// <returns>Replicas that are wanted from now on.</returns>
    public int Look(DateTimeOffset now, int current, IReadOnlyList<PodUse> pods, double? external = null)
    {
        var (min, max) = (_spec.MinReplicas ?? 1, _spec.MaxReplicas);
        // Bounds first: whoever is outside of them is brought back at once.
        if (current > max) return max;
        if (current < min) return min;
        int wanted = _spec.Metrics[0].Type switch
        {
            "Resource" => ByShare(current, pods),
            "External" => ByExternal(current, external ?? throw new InvalidOperationException("The autoscaler follows an external metric, which was not given.")),
            var other => throw new FormatException($"Metrics of type {other} are not simulated."),
        };
        // Without anything remembered, the present number is what was recommended until now.
        if (_recommendations.Count == 0) _recommendations.Add((now, current));
        wanted = Stabilize(now, current, wanted);
        int allowed = Bounded(now, current, wanted, min, max);
        if (allowed > current) _ups.Add((now, allowed - current));
        if (allowed < current) _downs.Add((now, current - allowed));
        return allowed;
    }

    private static double Tolerance(V2HPAScalingRules? rules) => rules?.Tolerance is { } tolerance ? tolerance.ToDouble() : DefaultTolerance;

    private int ByShare(int current, IReadOnlyList<PodUse> pods)
    {
        int target = _spec.Metrics[0].Resource.Target.AverageUtilization ?? throw new FormatException("The autoscaler has no target share.");
        var ready = pods.Where(p => !p.Unready && p.Cores is not null).Select(p => p.Cores!.Value).ToList();
        int unready = pods.Count(p => p.Unready), missing = pods.Count(p => !p.Unready && p.Cores is null);
        // Nothing measured: the controller reports an error and changes nothing.
        if (ready.Count == 0) return current;
        double ratio = Ratio(ready, target);
        LastPercent = Percent(ready);
        bool withUnready = unready > 0 && ratio > 1;
        if (!withUnready && missing == 0) return Within(ratio) ? current : Ceiling(ratio * ready.Count);
        var counted = new List<double>(ready);
        // Who is not measured is taken to use everything before fewer run, and nothing before more do.
        if (ratio < 1) counted.AddRange(Enumerable.Repeat(_coresPerPod * Math.Max(100, target) / 100, missing));
        else if (ratio > 1) counted.AddRange(Enumerable.Repeat(0.0, missing));
        if (withUnready) counted.AddRange(Enumerable.Repeat(0.0, unready));
        double corrected = Ratio(counted, target);
        if (Within(corrected) || (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1)) return current;
        int wanted = Ceiling(corrected * counted.Count);
        return (corrected < 1 && wanted > current) || (corrected > 1 && wanted < current) ? current : wanted;
    }

    private int ByExternal(int current, double value)
    {
        double perPod = double.Parse(_spec.Metrics[0].External.Target.AverageValue?.ToString() ?? throw new FormatException("The autoscaler has no target per pod."), CultureInfo.InvariantCulture);
        return Within(value / (perPod * current)) ? current : Ceiling(value / perPod);
    }

    private bool Within(double ratio) => ratio >= 1 - _downTolerance && ratio <= 1 + _upTolerance;

    /// <summary>Whole per cent, cut off, as the controller reckons.</summary>
    private int Percent(List<double> cores) => (int)(cores.Sum(c => Math.Floor(c * 1_000)) * 100 / (cores.Count * Math.Round(_coresPerPod * 1_000)));

    private double Ratio(List<double> cores, int target) => Percent(cores) / (double)target;

    private static int Ceiling(double value) => (int)Math.Ceiling(value);

    /// <summary>Up to the least that was recommended within the window up, down to the most within the window down.</summary>
    private int Stabilize(DateTimeOffset now, int current, int wanted)
    {
        var (up, down) = (wanted, wanted);
        foreach (var (at, replicas) in _recommendations)
        {
            if (at > now - _upWindow) up = Math.Min(up, replicas);
            if (at > now - _downWindow) down = Math.Max(down, replicas);
        }
        int stable = current;
        if (stable < up) stable = up;
        if (stable > down) stable = down;
        _recommendations.Add((now, wanted));
        _recommendations.RemoveAll(r => r.At <= now - _upWindow && r.At <= now - _downWindow);
        return stable;
    }

    /// <summary>As fast as the policies allow, within the bounds.</summary>
    private int Bounded(DateTimeOffset now, int current, int wanted, int min, int max)
    {
        if (wanted > current) return Math.Min(Math.Min(wanted, max), Math.Max(current, UpLimit(now, current)));
        if (wanted < current) return Math.Max(Math.Max(wanted, min), Math.Min(current, DownLimit(now, current)));
        return Math.Clamp(wanted, min, max);
    }

    private int UpLimit(DateTimeOffset now, int current)
    {
        var rules = _spec.Behavior?.ScaleUp;
        if (rules?.SelectPolicy == "Disabled") return current;
        var policies = rules?.Policies ?? [new V2HPAScalingPolicy { Type = "Pods", Value = 4, PeriodSeconds = 15 }, new V2HPAScalingPolicy { Type = "Percent", Value = 100, PeriodSeconds = 15 }];
        var limits = policies.Select(p =>
        {
            int start = current - Changes(_ups, now, p.PeriodSeconds) + Changes(_downs, now, p.PeriodSeconds);
            return p.Type == "Pods" ? start + p.Value : Ceiling(start * (1 + p.Value / 100.0));
        });
        return rules?.SelectPolicy == "Min" ? limits.Min() : limits.Max();
    }

    private int DownLimit(DateTimeOffset now, int current)
    {
        var rules = _spec.Behavior?.ScaleDown;
        if (rules?.SelectPolicy == "Disabled") return current;
        var policies = rules?.Policies ?? [new V2HPAScalingPolicy { Type = "Percent", Value = 100, PeriodSeconds = 15 }];
        var limits = policies.Select(p =>
        {
            int start = current + Changes(_downs, now, p.PeriodSeconds) - Changes(_ups, now, p.PeriodSeconds);
            return p.Type == "Pods" ? start - p.Value : (int)(start * (1 - p.Value / 100.0));
        });
        // 'Max' means the greatest change.
        return rules?.SelectPolicy == "Min" ? limits.Max() : limits.Min();
    }

    private static int Changes(List<(DateTimeOffset At, int Change)> events, DateTimeOffset now, int periodSeconds) => events.Where(e => e.At > now - TimeSpan.FromSeconds(periodSeconds)).Sum(e => e.Change);
}
