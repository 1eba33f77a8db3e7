namespace Rag.Slo.Export;

/// <summary>What <see cref="PrometheusExport"/> makes, once more as clusters of containers load it.</summary>
internal static class ContainerExport
{
    private const string Rule = "kubernetes/components/monitoring/prometheus-rule.yaml", Compose = "compose/alertmanager.yml";

    private const string SendResolved = "send_resolved: true";

    private const string Groups = "\ngroups:\n";

    /// <summary>Files with their paths below <c>deploy/</c>.</summary>
    public static IEnumerable<(string Path, string Content)> Files()
    {
        string rules = PrometheusRules.Generate();
        yield return (Rule,
            $"""
            # The rules of deploy/prometheus for the Prometheus Operator, made from the objectives in src/Rag/Slo. Change them there; the tests
            # rewrite this file with RAG_UPDATE_DEPLOY=1.
            apiVersion: monitoring.coreos.com/v1
            kind: PrometheusRule
            metadata:
              name: rag-system
              namespace: rag-system
              labels:
                app.kubernetes.io/name: rag-system
                app.kubernetes.io/part-of: rag-system
            spec:
              groups:
            {Yaml.Indented(rules[(rules.IndexOf(Groups, StringComparison.Ordinal) + Groups.Length)..].TrimEnd('\n'), 2)}

            """.ReplaceLineEndings("\n"));
        // In docker-compose.yml the service has keys, and its name on the network is 'rag'.
        yield return (Compose, AlertmanagerConfig.Generate("http://rag:8080").Replace(
            SendResolved, $"{SendResolved}\n        http_config:\n          authorization:\n            credentials_file: /etc/alertmanager/keys/alertmanager", StringComparison.Ordinal));
    }
}
