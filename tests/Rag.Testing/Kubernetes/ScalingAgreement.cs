using k8s.Models;
using Rag.Slo.Scaling;
using Rag.Telemetry;

namespace Rag.Testing.Kubernetes;

/// <summary>Whether <c>rag scale recommend</c> and the autoscaler come to the same number.</summary>
public static class ScalingAgreement
{
    private const double Cores = 1;

    /// <summary>Random loads that change at whole minutes; at each whole minute at which nothing had changed for ten, both are asked.</summary>
    /// <returns>How often either wanted another number, and where they differed.</returns>
    public static (int Compared, IReadOnlyList<string> Problems) Compare(V2HorizontalPodAutoscaler scaler, int runs)
    {
        var random = new Random(10);
        var problems = new List<string>();
        int compared = 0;
        for (int run = 0; run < runs; run++)
        {
            int replicas = random.Next(3, 21);
            var looks = ScalingSimulation.Run(scaler, Cores, ScalingCases.ByMinute(Loads(random, replicas)), TimeSpan.FromMinutes(90), replicas, startSeconds: 0);
            var bounds = new ScaleBounds(scaler.Spec.MinReplicas ?? 1, scaler.Spec.MaxReplicas, null, null, null);
            for (int i = 0; i < looks.Count; i++)
            {
                var look = looks[i];
                // The windows of ten minutes, and one look more, must all be of this number of replicas.
                if (look.At.Second != 0 || i < 41 || looks.Skip(i - 41).Take(41).Any(l => l.After != look.Before || l.Starting > 0)) continue;
                long minute = look.At.ToUnixTimeSeconds() / 60;
                var use = looks.Take(i + 1).TakeLast(40).GroupBy(l => (l.At.ToUnixTimeSeconds() - 1) / 60).Select(g => new UseMinute(g.Key, g.Average(l => l.Share), 0, look.Before)).ToList();
                int recommended = ScaleAdvice.Of(use, minute, look.Before, bounds).Recommended;
                if (recommended != look.Before || look.After != look.Before) compared++;
                if (recommended != look.After) problems.Add($"run {run}, {look.At:T}: of {look.Before} replicas the autoscaler makes {look.After}, and {recommended} are recommended");
            }
        }
        return (compared, problems);
    }

    private static List<double> Loads(Random random, int replicas)
    {
        var loads = new List<double>();
        while (loads.Count < 90)
        {
            double share = random.Next(3) switch { 0 => random.NextDouble() * 0.35, 1 => 0.6 + random.NextDouble() * 0.5, _ => random.NextDouble() };
            for (int minutes = random.Next(1, 25); minutes > 0; minutes--) loads.Add(replicas * Cores * share);
        }
        return loads;
    }
}
