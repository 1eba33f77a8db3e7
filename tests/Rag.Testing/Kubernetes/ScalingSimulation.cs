using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <param name="Percent">Share of what the pods asked for, as the autoscaler saw it.</param>
/// <param name="Before">Replicas before this look.</param>
/// <param name="After">Replicas wanted after it.</param>
/// <param name="Share">The same before it was cut to whole per cent, 0 to 1.</param>
/// <param name="Starting">Pods that were not ready long enough to be measured.</param>
public readonly record struct ScalingLook(DateTimeOffset At, int Percent, double Share, int Starting, int Before, int After)
{
    public bool Up => After > Before;

    public bool Down => After < Before;
}

/// <summary>
/// Load on virtual time, spread evenly over the pods that are ready, and an autoscaler that looks every 15 seconds at what
/// they used in the 15 seconds before. A pod takes a while to get ready, uses at most what it may, and is gone at once.
/// </summary>
public static class ScalingSimulation
{
    private const int StepSeconds = 5;
    private static readonly DateTimeOffset Begin = new(2026, 3, 2, 8, 0, 0, TimeSpan.Zero);

    /// <param name="load">Cores that the questions of a second cost, by seconds since the beginning.</param>
    /// <param name="startSeconds">From a pod's creation until it is ready.</param>
    public static IReadOnlyList<ScalingLook> Run(V2HorizontalPodAutoscaler scaler, double coresPerPod, Func<int, double> load, TimeSpan length, int replicas = 3, int startSeconds = 60)
    {
        var autoscaler = new Autoscaler(scaler, coresPerPod);
        var pods = Enumerable.Range(0, replicas).Select(_ => new Pod(int.MinValue / 2)).ToList();
        var looks = new List<ScalingLook>();
        int wanted = replicas, sync = (int)Autoscaler.Sync.TotalSeconds;
        for (int second = 0; second < length.TotalSeconds; second += StepSeconds)
        {
            var ready = pods.Where(p => second - p.Created >= startSeconds).ToList();
            double each = load(second) / Math.Max(1, ready.Count);
            foreach (var pod in ready) pod.Used.Add(Math.Min(each, coresPerPod));
            int end = second + StepSeconds;
            if (end % sync != 0) continue;
            // A pod's first window is not whole until it has been ready that long.
            var seen = pods.Select(p => end - p.Created >= startSeconds + sync ? new PodUse(p.Used.TakeLast(sync / StepSeconds).Average(), false) : new PodUse(null, true)).ToList();
            int before = wanted;
            wanted = autoscaler.Look(Begin.AddSeconds(end), wanted, seen);
            looks.Add(new(Begin.AddSeconds(end), autoscaler.LastPercent ?? 0, seen.Where(u => u.Cores is not null).Select(u => u.Cores!.Value).DefaultIfEmpty().Average() / coresPerPod, seen.Count(u => u.Unready), before, wanted));
            while (pods.Count < wanted) pods.Add(new(end));
            // The youngest goes first, as the ReplicaSet controller has it.
            if (pods.Count > wanted) pods.RemoveRange(wanted, pods.Count - wanted);
        }
        return looks;
    }

    /// <summary>Where a run broke the runbook's guidelines, in words; empty where it kept to them.</summary>
    /// <remarks>
    /// Up only after more than 70 % in every window of five minutes, down only after less than 30 % in every window of ten; and then
    /// indeed, as long as the bounds leave room. Shares are whole per cent, as the autoscaler reckons them. The time in which something
    /// must happen begins anew with each change, and while pods start that nobody can measure yet.
    /// </remarks>
    public static IReadOnlyList<string> Breaches(IReadOnlyList<ScalingLook> looks, int min = 3, int max = 20)
    {
        const int UpLooks = 5 * 60 / 15, DownLooks = 10 * 60 / 15;
        var breaches = new List<string>();
        int hot = 0, cold = 0, mustUp = 0, mustDown = 0;
        foreach (var look in looks)
        {
            hot = look.Percent > 70 ? hot + 1 : 0;
            cold = look.Percent < 30 ? cold + 1 : 0;
            mustUp = look.Percent > 70 && look.Starting == 0 ? mustUp + 1 : 0;
            mustDown = look.Percent < 30 && look.Starting == 0 ? mustDown + 1 : 0;
            if (look.After < min || look.After > max) breaches.Add($"{look.At:T}: {look.After} replicas");
            if (look.Up && hot < UpLooks) breaches.Add($"{look.At:T}: up to {look.After} after {hot * 15} s above 70 %");
            if (look.Down && cold < DownLooks) breaches.Add($"{look.At:T}: down to {look.After} after {cold * 15} s below 30 %");
            if (!look.Up && look.Before < max && mustUp > UpLooks) breaches.Add($"{look.At:T}: still {look.After} after {mustUp * 15} s above 70 %");
            if (!look.Down && look.Before > min && mustDown > DownLooks) breaches.Add($"{look.At:T}: still {look.After} after {mustDown * 15} s below 30 %");
            if (look.Before != look.After) mustUp = mustDown = 0;
        }
        return breaches;
    }

    private sealed class Pod(int created)
    {
        public int Created { get; } = created;

        public List<double> Used { get; } = [];
    }
}
