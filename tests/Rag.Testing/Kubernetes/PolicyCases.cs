using static Rag.Testing.Kubernetes.AdmissionPolicies;

namespace Rag.Testing.Kubernetes;

/// <param name="Ceiling">What the ConfigMap of the ceiling says; null where it is gone.</param>
public sealed record PolicyCase(string Name, AdmissionRequest Request, bool Allowed, string? Ceiling = "20");

/// <summary>Requests of every path by which replicas change, allowed and refused.</summary>
public static class PolicyCases
{
    public const string Keeper = "system:serviceaccount:rag-system:rag-system-scale-keeper", Controller = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";

    private const string Deployment = "apps/v1/deployments", Scale = "apps/v1/deployments/scale", Scaler1 = "autoscaling/v1/horizontalpodautoscalers", Scaler2 = "autoscaling/v2/horizontalpodautoscalers", Map = "v1/configmaps";

    public static IReadOnlyList<PolicyCase> All { get; } = [.. Deployments(Deployment), .. Deployments(Scale), .. Creations(), .. Scalers(), .. Ceilings(), .. Elsewhere()];

    private static IEnumerable<PolicyCase> Deployments(string resource)
    {
        string path = resource[8..];
        PolicyCase Case(string name, long? from, long? to, bool allowed, string? ceiling = "20", string user = "somebody") => new($"{path}: {name}", new(resource, "UPDATE", "rag-system", Scaled(to), Scaled(from), user), allowed, ceiling);
        yield return Case("3 to 10", 3, 10, true);
        yield return Case("3 to 20", 3, 20, true);
        yield return Case("3 to 21", 3, 21, false);
        yield return Case("by the autoscaler to 21", 20, 21, false, user: Controller);
        yield return Case("by an administrator to 100", 3, 100, false, user: "system:admin");
        yield return Case("10 to 3", 10, 3, true);
        yield return Case("3 to 2", 3, 2, false);
        yield return Case("3 to 0", 3, 0, false);
        // An absent number is nought in a Scale.
        yield return Case("to nothing", 3, null, false);
        yield return Case("21 while 30 are approved", 20, 21, true, "30");
        yield return Case("30 while 30 are approved, by the autoscaler", 20, 30, true, "30", Controller);
        yield return Case("31 while 30 are approved", 20, 31, false, "30");
        yield return Case("25 stay after an approval ended", 25, 25, true);
        yield return Case("25 to 22 after an approval ended", 25, 22, true);
        yield return Case("25 to 26 after an approval ended", 25, 26, false);
        yield return Case("25 to 2", 25, 2, false);
        yield return Case("the ceiling is gone", 3, 4, false, null);
        yield return Case("the ceiling is no number", 3, 4, false, "many");
        yield return Case("the ceiling is empty", 3, 4, false, "");
    }

    private static IEnumerable<PolicyCase> Creations()
    {
        yield return new("created with 3", new(Deployment, "CREATE", "rag-system", Scaled(3)), true);
        yield return new("created with 20", new(Deployment, "CREATE", "rag-system", Scaled(20)), true);
        yield return new("created with 21", new(Deployment, "CREATE", "rag-system", Scaled(21)), false);
        yield return new("created with 1", new(Deployment, "CREATE", "rag-system", Scaled(1)), false);
        yield return new("created with 30 while 30 are approved", new(Deployment, "CREATE", "rag-system", Scaled(30)), true, "30");
    }

    private static IEnumerable<PolicyCase> Scalers()
    {
        foreach (string resource in (string[])[Scaler1, Scaler2])
        {
            string path = resource[12..14];
            yield return new($"autoscaler {path}: created to 20", new(resource, "CREATE", "rag-system", Scaler(20)), true);
            yield return new($"autoscaler {path}: created to 21", new(resource, "CREATE", "rag-system", Scaler(21)), false);
            yield return new($"autoscaler {path}: another one, to 40", new(resource, "CREATE", "rag-system", Scaler(40, name: "second")), false);
            yield return new($"autoscaler {path}: at least 2", new(resource, "CREATE", "rag-system", Scaler(20, 2)), false);
            yield return new($"autoscaler {path}: at least what is left out, 1", new(resource, "CREATE", "rag-system", Scaler(20, null)), false);
            yield return new($"autoscaler {path}: floor to 10", new(resource, "UPDATE", "rag-system", Scaler(20, 10), Scaler(20)), true);
            yield return new($"autoscaler {path}: to 30", new(resource, "UPDATE", "rag-system", Scaler(30), Scaler(20)), false);
            yield return new($"autoscaler {path}: to 30 while 30 are approved", new(resource, "UPDATE", "rag-system", Scaler(30), Scaler(20), Keeper), true, "30");
            yield return new($"autoscaler {path}: 31 while 30 are approved", new(resource, "UPDATE", "rag-system", Scaler(31), Scaler(20), Keeper), false, "30");
            yield return new($"autoscaler {path}: 30 to 25 after an approval ended", new(resource, "UPDATE", "rag-system", Scaler(25), Scaler(30)), true);
            yield return new($"autoscaler {path}: 30 stay after an approval ended", new(resource, "UPDATE", "rag-system", Scaler(30, 4), Scaler(30)), true);
            yield return new($"autoscaler {path}: 100 of another brought here", new(resource, "UPDATE", "rag-system", Scaler(100), Scaler(100, target: "other")), false);
            yield return new($"autoscaler {path}: 100 of a StatefulSet brought here", new(resource, "UPDATE", "rag-system", Scaler(100), Scaler(100, kind: "StatefulSet")), false);
            yield return new($"autoscaler {path}: of another deployment to 100", new(resource, "UPDATE", "rag-system", Scaler(100, 1, "other"), Scaler(20, 1, "other")), true);
            yield return new($"autoscaler {path}: the ceiling is gone", new(resource, "UPDATE", "rag-system", Scaler(20), Scaler(20)), false, null);
        }
    }

    private static IEnumerable<PolicyCase> Ceilings()
    {
        PolicyCase Case(string name, string? to, bool allowed, string user = "somebody") => new($"ceiling: {name}", new(Map, "UPDATE", "rag-system", Ceiling(to), Ceiling("20"), user), allowed);
        yield return Case("to 30 by the keeper", "30", true, Keeper);
        yield return Case("to 100 by the keeper", "100", true, Keeper);
        yield return Case("to 101 by the keeper", "101", false, Keeper);
        yield return Case("to 30 by somebody", "30", false);
        yield return Case("to 30 by an administrator", "30", false, "system:admin");
        yield return Case("back to 20 by somebody", "20", true);
        yield return Case("to 2", "2", false, Keeper);
        yield return Case("to no number", "lots", false, Keeper);
        yield return Case("to a sum", "20+80", false, Keeper);
        yield return Case("to nothing", null, false, Keeper);
        yield return new("ceiling: created at 20", new(Map, "CREATE", "rag-system", Ceiling("20")), true);
        yield return new("ceiling: created at 50", new(Map, "CREATE", "rag-system", Ceiling("50")), false);
        yield return new("ceiling: another ConfigMap", new(Map, "UPDATE", "rag-system", Ceiling("999", "other"), Ceiling("1", "other")), true);
    }

    private static IEnumerable<PolicyCase> Elsewhere()
    {
        yield return new("another deployment to 50", new(Deployment, "UPDATE", "rag-system", Scaled(50, "other"), Scaled(1, "other")), true);
        yield return new("of the same name in another namespace", new(Scale, "UPDATE", "elsewhere", Scaled(50), Scaled(1)), true);
    }
}
