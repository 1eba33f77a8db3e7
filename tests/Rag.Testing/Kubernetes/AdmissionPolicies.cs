using Cel;
using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>A request to Kubernetes as admission sees it.</summary>
/// <param name="Resource">Such as <c>apps/v1/deployments</c> or <c>apps/v1/deployments/scale</c>; without a group <c>v1/configmaps</c>.</param>
/// <param name="Object">What is to be; the object as maps and lists.</param>
/// <param name="OldObject">What was; null where it is created.</param>
public sealed record AdmissionRequest(string Resource, string Operation, string Namespace, Dictionary<string, object?> Object, Dictionary<string, object?>? OldObject = null, string User = "somebody");

/// <summary>
/// ValidatingAdmissionPolicies with their bindings, evaluated as the API server does: what a policy matches, its conditions, variables in
/// their order, validations, and the parameter that its binding names. What cannot be evaluated is refused where the policy fails closed.
/// </summary>
public sealed class AdmissionPolicies(IReadOnlyList<Manifest> manifests)
{
    private readonly CelEnvironment _cel = new([], "");
    private readonly Dictionary<string, CelProgramDelegate> _programs = [];

    /// <returns>Why the request is refused; empty where it is allowed.</returns>
    /// <param name="parameter">In the place of the rendered ConfigMap that the binding names; its data.</param>
    /// <param name="withoutParameter">Whether the ConfigMap is gone.</param>
    public IReadOnlyList<string> Refusals(AdmissionRequest request, IReadOnlyDictionary<string, string>? parameter = null, bool withoutParameter = false)
    {
        var refusals = new List<string>();
        foreach (var binding in manifests.Select(m => m.Typed).OfType<V1ValidatingAdmissionPolicyBinding>().Where(b => b.Spec.ValidationActions.Contains("Deny")))
        {
            var policy = manifests.Select(m => m.Typed).OfType<V1ValidatingAdmissionPolicy>().SingleOrDefault(p => p.Metadata.Name == binding.Spec.PolicyName)
                ?? throw new FormatException($"There is no policy {binding.Spec.PolicyName}.");
            if (!Matches(policy.Spec.MatchConstraints, request)) continue;
            try
            {
                var variables = new Dictionary<string, object?>();
                var context = new Dictionary<string, object?> { ["object"] = request.Object, ["oldObject"] = request.OldObject, ["request"] = Request(request), ["variables"] = variables };
                if ((policy.Spec.MatchConditions ?? []).Any(c => !True(c.Expression, context))) continue;
                if (policy.Spec.ParamKind is not null)
                {
                    if (withoutParameter)
                    {
                        if (binding.Spec.ParamRef.ParameterNotFoundAction == "Deny") refusals.Add($"{policy.Metadata.Name}: its parameter is not there");
                        continue;
                    }
                    context["params"] = Parameter(binding.Spec.ParamRef, parameter);
                }
                foreach (var variable in policy.Spec.Variables ?? []) variables[variable.Name] = Evaluate(variable.Expression, context);
                foreach (var validation in policy.Spec.Validations)
                    if (!True(validation.Expression, context)) refusals.Add($"{policy.Metadata.Name}: {(validation.MessageExpression is { } text ? Evaluate(text, context) : validation.Message)}");
            }
            catch (Exception e) when (e is CelException or FormatException or OverflowException or InvalidCastException)
            {
                if (policy.Spec.FailurePolicy is null or "Fail") refusals.Add($"{policy.Metadata.Name}: cannot be evaluated: {e.Message}");
            }
        }
        return refusals;
    }

    /// <summary>A Deployment, a Scale, an autoscaler or a ConfigMap, as little of it as the policies look at.</summary>
    public static Dictionary<string, object?> Scaled(long? replicas, string name = "rag-system") =>
        new() { ["metadata"] = new Dictionary<string, object?> { ["name"] = name, ["namespace"] = "rag-system" }, ["spec"] = replicas is { } number ? new() { ["replicas"] = number } : new Dictionary<string, object?>() };

    public static Dictionary<string, object?> Scaler(long max, long? min = 3, string target = "rag-system", string kind = "Deployment", string name = "rag-system")
    {
        var spec = new Dictionary<string, object?> { ["maxReplicas"] = max, ["scaleTargetRef"] = new Dictionary<string, object?> { ["kind"] = kind, ["name"] = target } };
        if (min is { } least) spec["minReplicas"] = least;
        return new() { ["metadata"] = new Dictionary<string, object?> { ["name"] = name, ["namespace"] = "rag-system" }, ["spec"] = spec };
    }

    public static Dictionary<string, object?> Ceiling(string? ceiling, string name = "rag-system-ceiling")
    {
        var map = new Dictionary<string, object?> { ["metadata"] = new Dictionary<string, object?> { ["name"] = name, ["namespace"] = "rag-system" } };
        if (ceiling is not null) map["data"] = new Dictionary<string, object?> { ["ceiling"] = ceiling };
        return map;
    }

    private static bool Matches(V1MatchResources constraints, AdmissionRequest request)
    {
        if (constraints.NamespaceSelector is { } spaces && !ManifestLint.Selects(spaces, new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = request.Namespace })) return false;
        string[] parts = request.Resource.Split('/');
        var (group, version, resource) = parts[0] == "v1" ? ("", "v1", string.Join('/', parts[1..])) : (parts[0], parts[1], string.Join('/', parts[2..]));
        return constraints.ResourceRules.Any(r => r.ApiGroups.Contains(group) && r.ApiVersions.Contains(version) && r.Resources.Contains(resource) && r.Operations.Contains(request.Operation));
    }

    private static Dictionary<string, object?> Request(AdmissionRequest request) => new()
    {
        ["operation"] = request.Operation, ["namespace"] = request.Namespace, ["name"] = ((Dictionary<string, object?>)request.Object["metadata"]!)["name"],
        ["userInfo"] = new Dictionary<string, object?> { ["username"] = request.User, ["groups"] = new List<object?>() },
    };

    private Dictionary<string, object?> Parameter(V1ParamRef reference, IReadOnlyDictionary<string, string>? data)
    {
        if (data is not null) return new() { ["data"] = data.ToDictionary(d => d.Key, d => (object?)d.Value) };
        return manifests.SingleOrDefault(m => m.Kind == "ConfigMap" && m.Name == reference.Name && m.Namespace == reference.NamespaceProperty)?.Tree()
            ?? throw new FormatException($"There is no ConfigMap {reference.Name}.");
    }

    private bool True(string expression, Dictionary<string, object?> context) => Evaluate(expression, context) is true;

    private object? Evaluate(string expression, Dictionary<string, object?> context)
    {
        if (!_programs.TryGetValue(expression, out var program)) _programs[expression] = program = _cel.Compile(expression);
        return program(context);
    }
}
