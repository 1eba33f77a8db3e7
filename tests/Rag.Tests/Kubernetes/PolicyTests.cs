using Rag.Testing.Kubernetes;

namespace Rag.Tests.Kubernetes;

/// <summary>The admission policies as the cluster would evaluate them, on requests of every path by which replicas change.</summary>
public sealed class PolicyTests
{
    public static TheoryData<string> Names => [.. PolicyCases.All.Select(c => c.Name)];

    [Theory, MemberData(nameof(Names))]
    public async Task A_request_is_allowed_or_refused(string name)
    {
        var policies = new AdmissionPolicies(await Rendered.LoadAsync("small"));
        var one = PolicyCases.All.Single(c => c.Name == name);
        var refusals = policies.Refusals(one.Request, one.Ceiling is { } ceiling ? new Dictionary<string, string> { ["ceiling"] = ceiling } : null, one.Ceiling is null);
        (refusals.Count == 0).ShouldBe(one.Allowed, $"{name}: {string.Join("; ", refusals)}");
    }

    [Fact]
    public async Task A_refusal_says_what_to_do()
    {
        var policies = new AdmissionPolicies(await Rendered.LoadAsync("production"));
        policies.Refusals(PolicyCases.All.Single(c => c.Name == "deployments/scale: 3 to 21").Request).ShouldHaveSingleItem().ShouldEndWith("rag-system may have 20 replicas, and 21 are asked for; have more approved: rag scale approve");
    }

    [Fact]
    public async Task Without_a_binding_nothing_would_be_refused()
    {
        // The cases can fail: they do not hold of no policy at all.
        var none = new AdmissionPolicies([.. (await Rendered.LoadAsync("small")).Where(m => m.Kind != "ValidatingAdmissionPolicyBinding")]);
        PolicyCases.All.Where(c => !c.Allowed).ShouldAllBe(c => none.Refusals(c.Request, null, false).Count == 0);
    }
}
