// Alerts for audio or events that were lost or are about to be. The streamer logs its statistics every minute
// (streamer/stats.py), because nothing in Azure reads its /metrics.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the action group.')
param actionGroupName string

@description('Email address that alerts are sent to. Empty: alerts appear only in the portal.')
param email string

@description('Name of the streamer\'s container app.')
param streamerName string

@description('Name of the storage account\'s Event Grid system topic.')
param topicName string

@description('Seconds that an upload may wait before an alert is raised.')
param backlogSeconds int

@description('Calls placed within 15 minutes above which an alert is raised.')
param placedCallsThreshold int

// Each query returns rows of TimeGenerated and value. An alert is raised when the total, or the maximum, of the
// values within 15 minutes exceeds the threshold.
func statistic(streamer string, field string) string =>
  join(
    [
      'ContainerAppConsoleLogs'
      '| where ContainerAppName == \'${streamer}\' and Log has \'streamer_stats\''
      '| project TimeGenerated, value = todouble(extract(@\' ${field}=(\\d+(?:\\.\\d+)?)\', 1, Log))'
    ],
    '\n'
  )

@description('The alerts that are based on logs.')
var rules = [
  {
    name: 'frames-lost'
    severity: 1
    text: 'Audio was lost: frames could not be written to the spool or arrived too late to be stored.'
    query: statistic(streamerName, 'frames_lost')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'streams-refused-full'
    severity: 1
    text: 'Streams were refused because a replica was full. Raise minReplicas or maxReplicas.'
    query: statistic(streamerName, 'handshakes_refused_full')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'handshakes-refused'
    severity: 2
    text: 'Many handshakes were refused for other reasons: ACS_TOKEN_AUDIENCE is wrong, or someone is trying to get in.'
    query: statistic(streamerName, 'handshakes_refused')
    aggregation: 'Total'
    threshold: 20
  }
  {
    name: 'upload-backlog'
    severity: 2
    text: 'Finished segments are waiting in the spool: uploads to Blob Storage fail.'
    query: statistic(streamerName, 'oldest_upload_seconds')
    aggregation: 'Maximum'
    threshold: backlogSeconds
  }
  {
    name: 'uploads-rejected'
    severity: 1
    text: 'The streamer quarantined files: Blob Storage holds different content under their names.'
    query: statistic(streamerName, 'uploads_rejected')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'poison-segments'
    severity: 1
    text: 'Processing a segment or manifest failed on every retry. If the final attempt fails too, /api/v1/failures shows why.'
    // Counts the runs of the poison queue's function. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'on_poison_message\' | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'transcripts-failed'
    severity: 2
    text: 'Transcribing a call failed on every retry. The transcript has the reason, and can be retried.'
    // Counts the runs of the poison queue's function. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'on_failed_transcription\' | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'incoming-calls-failed'
    severity: 1
    text: 'An incoming call could not be answered: ACS or Blob Storage failed.'
    // Counts the function's failed runs. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'answer_incoming_call\' and Success == false | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'calls-placed'
    severity: 2
    text: 'Many calls were placed: a peak, or someone has a function key. The audit trail says whose.'
    // Counts the function's requests. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'place_call\' and ResultCode == \'201\' | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: placedCallsThreshold
  }
  {
    name: 'calls-refused'
    severity: 2
    text: 'Many calls were refused: a limit is too low, or someone tries numbers that may not be called.'
    // Counts the function's requests. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'place_call\' and ResultCode in (\'403\', \'429\') | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 20
  }
  {
    name: 'long-calls-not-ended'
    severity: 1
    text: 'MAX_CALL_MINUTES is not enforced: the function that hangs up long calls fails.'
    // Counts the function's failed runs. Traces are sampled, requests are not (host.json).
    query: 'AppRequests | where Name == \'hang_up_long_calls\' and Success == false | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 2
  }
  {
    name: 'deliveries-dead'
    severity: 2
    text: 'Events were not delivered to a webhook or the topic within a day, or it answered 410. GET /api/v1/deliveries lists them.'
    // No function runs for a dead letter, so this reads traces: where they are sampled, each stands for ItemCount.
    query: 'AppTraces | where Message startswith \'delivery_dead \' | project TimeGenerated, value = todouble(ItemCount)'
    aggregation: 'Total'
    threshold: 0
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'calls'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    properties: {
      displayName: rule.name
      description: rule.text
      severity: rule.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      // The tables do not exist until the first lines are logged.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'value'
            timeAggregation: rule.aggregation
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [actionGroup.id] }
    }
  }
]

resource deadLettered 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'events-dead-lettered'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not deliver events: the function app was not notified of some segments or manifests.'
    severity: 1
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: actionGroup.id }]
  }
}
